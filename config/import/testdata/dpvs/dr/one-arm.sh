./dpip vlan add web link bond0 proto 802.1q id 100
./dpip vlan add link bond0 id 101
./dpip addr add 192.168.100.1/24 dev web scope global valid_lft forever
./dpip addr add 192.168.101.1/24 dev bond0.101
./dpip addr add 192.168.100.254/32 dev web
./dpip -6 addr add 2001:db8::1/64 dev web
./dpip neigh add 192.168.100.2 lladdr 02:00:00:00:00:02 dev web
./dpip link set bond0 promisc on
./dpip link set bond0 tc-egress on
./ipvsadm -A -t 192.168.100.254:80 -s rr
./ipvsadm -a -t 192.168.100.254:80 -r 192.168.100.2 -g
./ipvsadm -a -t 192.168.100.254:80 -r 192.168.100.3:8080 -g
./ipvsadm -A -t 192.168.101.254:80 -s mh -p 60
./ipvsadm -a -t 192.168.101.254:80 -r 192.168.101.2:80
