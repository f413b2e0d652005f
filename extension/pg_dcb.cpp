/*
 * The module's entry point.
 */
#include "deferred.hpp"
#include "durability.hpp"
#include "group.hpp"
#include "prepare.hpp"
#include "read_scan.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void
_PG_init(void)
{
	dcb::install_durability();
	dcb::install_group();
	dcb::install_prepare_guard();
	dcb::install_deferred();
	dcb::install_read_scan();
}
