WAN_IP=198.51.100.2
./dpip addr add $WAN_IP/24 dev dpdk1 sapool
./dpip addr add 10.20.0.1/24 dev dpdk0
./dpip route add default via 198.51.100.1 dev dpdk1
MATCH='proto=tcp,src-range=10.20.0.0-10.20.0.254,oif=dpdk1'
./ipvsadm -A -s rr -H $MATCH
./ipvsadm -a -H $MATCH -r $WAN_IP:0 -w 100 -J
./ipvsadm -A -t 198.51.100.2:5000 -s wlc
./ipvsadm -a -t 198.51.100.2:5000 -r 198.51.100.3:0 -J
./ipvsadm -A -q 198.51.100.2:0
