dpip addr add 10.20.0.1/24 dev dpdk0
dpip addr add 198.51.100.10/32 dev dpdk1
dpip route add default via 198.51.100.1 dev dpdk1
ipvsadm -A -t 198.51.100.10:80 -s wlc -j enable
ipvsadm -a -t 198.51.100.10:80 -r 10.20.0.11:80 -m
