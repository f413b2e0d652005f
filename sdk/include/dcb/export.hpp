#pragma once

// What the shared library shows to its users; everything else is hidden.
#if defined(DCB_STATIC)
#define DCB_EXPORT
#else
#define DCB_EXPORT __attribute__((visibility("default")))
#endif
