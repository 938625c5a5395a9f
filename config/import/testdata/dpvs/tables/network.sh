ip addr add 198.51.100.10/32 dev dpdk1.kni
dpip addr add 10.20.0.1/24 dev dpdk0
dpip route add 198.51.100.0/24 dev dpdk1
