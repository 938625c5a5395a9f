#include "dataplane/lcore/eal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(Eal, DistinguishesPciFromVdev) {
  EXPECT_TRUE(is_pci_device("0000:03:00.0"));
  EXPECT_TRUE(is_pci_device("0000:af:00.1,queues=4"));
  EXPECT_TRUE(is_pci_device("03:00.0"));
  EXPECT_FALSE(is_pci_device("net_af_packet0,iface=eth1"));
  EXPECT_FALSE(is_pci_device("0000:03:00"));
  EXPECT_FALSE(is_pci_device(""));
}

std::string value_of(const std::vector<std::string>& arguments, const std::string& option) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == option) return arguments[i + 1];
  }
  return {};
}

TEST(Eal, MainAndWorkersMayShareACpu) {
  EalOptions options;
  options.main_cpu = 0;
  options.worker_cpus = {0, 1};
  EXPECT_EQ(value_of(eal_arguments(options), "--lcores"), "0@0,1@0,2@1");
}

TEST(Eal, PciIsProbedOnlyWhenAPortIsPci) {
  EalOptions options;
  options.worker_cpus = {1};
  options.devices = {"net_af_packet0,iface=eth1"};
  EXPECT_THAT(eal_arguments(options), Contains("--no-pci"));
  options.devices.emplace_back("0000:03:00.0");
  EXPECT_THAT(eal_arguments(options), Not(Contains("--no-pci")));
  EXPECT_EQ(value_of(eal_arguments(options), "--allow"), "0000:03:00.0");
}

TEST(Eal, DriversAsConfigured) {
  EalOptions options;
  EXPECT_THAT(eal_arguments(options), Not(Contains("-d")));
  options.drivers = "/opt/drivers/net.so";
  EXPECT_EQ(value_of(eal_arguments(options), "-d"), "/opt/drivers/net.so");
}

TEST(Eal, MemoryAsConfigured) {
  EalOptions options;
  options.worker_cpus = {1};
  options.memory_mb = 512;
  EXPECT_THAT(eal_arguments(options), Not(Contains("--no-huge")));
  options.hugepages = false;
  EXPECT_THAT(eal_arguments(options), Contains("--no-huge"));
  EXPECT_EQ(value_of(eal_arguments(options), "-m"), "512");
}

TEST(Eal, FilePrefixFollowsTheRunDir) {
  EalOptions a;
  a.run_dir = "/run/ballast";
  EalOptions b;
  b.run_dir = "/tmp/lb 2";
  EXPECT_EQ(value_of(eal_arguments(a), "--file-prefix"), "ballast_run_ballast");
  EXPECT_EQ(value_of(eal_arguments(b), "--file-prefix"), "ballast_tmp_lb_2");
}

TEST(Eal, AddsUpFreeHugepages) {
  std::string pattern = (std::filesystem::temp_directory_path() / "lb-huge-XXXXXX").string();
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  std::filesystem::create_directories(root / "hugepages-2048kB");
  std::filesystem::create_directories(root / "hugepages-1048576kB");
  std::ofstream(root / "hugepages-2048kB/free_hugepages") << "10\n";
  std::ofstream(root / "hugepages-1048576kB/free_hugepages") << "2\n";
  EXPECT_EQ(free_hugepages_mb(root.string()), 20U + 2048U);
  std::filesystem::remove_all(root);
  EXPECT_EQ(free_hugepages_mb(root.string()), 0U);
}

}  // namespace
}  // namespace lb
