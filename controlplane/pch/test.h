// What most of the control plane's tests include, compiled once for each program.
#include "controlplane/pch/lib.h"

#include <gtest/gtest.h>
