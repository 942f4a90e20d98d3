/* pci.h - which PCI devices this machine has, for [match] pci of a manifest. */
#ifndef CORE_PLUGIN_PCI_H
#define CORE_PLUGIN_PCI_H

#include <stdbool.h>

#include "plugin/manifest.h"

#define PCI_ROOT "/sys/bus/pci/devices"

/* False when the manifest names devices and none of them is under root. A root
 * that cannot be read (a container without /sys) tells nothing: true. */
bool pci_matches(const char *root, const struct manifest *m);

#endif
