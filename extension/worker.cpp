#include "worker.hpp"
namespace dcb { void wake_worker_at_commit() {} }
