dpip
dpip adr add 192.0.2.1/24 dev dpdk0
dpip addr
dpip addr ad 192.0.2.1/24 dev dpdk0
dpip addr add 192.0.2.1/33 dev dpdk0
dpip addr add 192.0.2.1/24
dpip addr add 192.0.2.1/24 dev
dpip addr add 192.0.2.1/24 dev dpdk0 colour blue
dpip addr del 192.0.2.9/24 dev dpdk0
dpip addr add 192.0.2.7/24 dev dpdk0
dpip addr del 192.0.2.7/24 dev dpdk0
dpip addr add 192.0.3.7/24 dev dpdk1
dpip addr flush dev dpdk1
dpip route add 10.0.0.0/8
dpip route add 10.0.0.0/8 via gateway dev dpdk0
dpip route add 10.0.0.0/8 via 192.0.2.254 dev dpdk0
dpip route add 10.0.0.0/8 via 192.0.2.253 dev dpdk0
dpip route del 11.0.0.0/8
dpip vlan add link dpdk0 id 5000
dpip vlan add link dpdk0 proto QinQ id 7
dpip vlan del link dpdk0 id 7
dpip link set dpdk0 bond-mode 4
dpip qsch add dev dpdk0 handle 1: root tbf rate 10M burst 10000
dpip cls add dev dpdk0 qsch 1: match pattern 'tcp,oif=dpdk1' target drop
dpip ipset create blocked hash:ip
ipvsadm -A -t 192.0.2.10:80 -s rr -j on --proxy-protocol v2 --dest-check often --colour
ipvsadm -A -t 192.0.2.10:80 -s rr
ipvsadm -a -t 192.0.2.10:80 -r 192.0.2.11 -g
ipvsadm -E -t 192.0.2.10:80 -s wrr -j enable
ipvsadm -U -t 192.0.2.10:80 -k ipset:blocked
ipvsadm -U -t 192.0.2.10:80 -k 2001:db8::66
ipvsadm -U -t 192.0.2.10:80
ipvsadm -U -t 192.0.2.10:81 -k 203.0.113.1
ipvsadm -V -t 192.0.2.10:80 -k 203.0.113.1
ipvsadm -P -t 192.0.2.10:80 -z 10.0.0.200
ipvsadm -A -u 192.0.2.10:53 -s conhash --hash-target qid -j enable --quic --dest-check udp
ipvsadm -a -u 192.0.2.10:53 -r 10.0.0.21 -m
ipvsadm -A -u 192.0.2.10:54 -s conhash -Y cookie --dest-check disable
ipvsadm -A -t 192.0.2.10:90 -s rr
ipvsadm -a -t 192.0.2.10:90 -r 10.0.0.21 -i
ip link set dpdk0.kni up
