// Uses the component asio.
#include <dcb/asio.hpp>
#include <dcb/dcb.hpp>

struct Greeted { dcb::id<> name; };
using Event = std::variant<Greeted>;

int main() {
  dcb::memory_store<Event> store;
  store.append(Greeted{"Ann"});
  asio::io_context context;
  bool found = false;
  const auto look = [&]() -> asio::awaitable<void> { found = co_await dcb::async_store<Event>{store}.async_head() == 1; };
  asio::co_spawn(context, look(), asio::detached);
  context.run();
  return !found;
}
