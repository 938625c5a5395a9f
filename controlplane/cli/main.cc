#include "controlplane/cli/cli.h"

int main(int argc, char** argv) {
  return lb::cli::run(argc, argv);
}
