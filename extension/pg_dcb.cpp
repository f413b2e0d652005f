/*
 * The module's entry point.
 */
#include "deferred.hpp"
#include "durability.hpp"
#include "group.hpp"
#include "prepare.hpp"
#include "read_scan.hpp"
#include "standby.hpp"
#include "tag_rule.hpp"
#include "wake.hpp"
#include "worker.hpp"

extern "C" {
#include "utils/guc.h"

PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void
_PG_init(void)
{
	dcb::install_durability();
	dcb::install_standby();
	dcb::install_group();
	dcb::install_prepare_guard();
	dcb::install_deferred();
	dcb::install_read_scan();
	dcb::install_wake();
	dcb::install_tag_rules();
	dcb::install_worker();
	MarkGUCPrefixReserved("dcb"); /* when all settings are defined */
}
