#!/bin/sh
# Every command and option of ipvsadm.
VIP=192.0.2.10
IPVSADM=/sbin/ipvsadm
export WEB="10.0.0.11"
$IPVSADM -C
$IPVSADM --set 1800 120 60
$IPVSADM --add-service --tcp-service $VIP:80 --scheduler wrr --persistent --netmask 255.255.255.0
$IPVSADM --add-server --tcp-service ${VIP}:80 --real-server "$WEB:8080" --masquerading \
  --weight 3 --u-threshold 1000 --l-threshold 500
$IPVSADM -a -t$VIP:80 -r 10.0.0.12:8080 -mw2 -x 1000
$IPVSADM -a -t $VIP:80 -r 10.0.0.19:8080 -m
$IPVSADM -e -t $VIP:80 -r 10.0.0.12:8080 -m -w 5
$IPVSADM -d -t $VIP:80 -r 10.0.0.19:8080
$IPVSADM -A -t $VIP:443 -s lblc -b flag-1
$IPVSADM -E -t $VIP:443 -s sed
$IPVSADM -a -t $VIP:443 -r 10.0.0.11 -m
$IPVSADM -A -t $VIP:0 -s lblcr -p 360
$IPVSADM -a -t $VIP:0 -r 192.0.2.21:0 -g
$IPVSADM -A -t $VIP:25 && $IPVSADM -D -t $VIP:25
$IPVSADM -A -u $VIP:53 -s wlc --ops
$IPVSADM -a -u $VIP:53 -r 10.0.0.21:53 -m
$IPVSADM -A -u $VIP:5060 -s rr -p 60 --pe sip
$IPVSADM -a -u $VIP:5060 -r 10.0.0.31:5060 -m
$IPVSADM -A --sctp-service $VIP:3868 -s rr
$IPVSADM -a --sctp-service $VIP:3868 -r 10.0.0.41:3868 -m
$IPVSADM -A -f 1 -s twos
$IPVSADM -a -f 1 -r 192.0.2.22:0 -g -w 2
$IPVSADM -A -f 2 -6 -s mh
$IPVSADM -a -f 2 -r [2001:db8::11] -g
$IPVSADM -A -t $VIP:8443 -s rr
$IPVSADM -a -t $VIP:8443 -r 198.51.100.5:8443 -i --tun-type gue --tun-port 6080 --tun-nocsum
$IPVSADM -a -t $VIP:8443 -r 198.51.100.6:8443 -i --tun-csum --tun-remcsum
$IPVSADM --start-daemon master --mcast-interface eth1 --syncid 51 --sync-maxlen 1472
$IPVSADM --start-daemon=backup --mcast-interface=eth1 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
$IPVSADM --stop-daemon backup
$IPVSADM -Z
$IPVSADM -Ln --stats 2>&1 >/dev/null
$IPVSADM -S -n > /etc/ipvsadm.rules
$IPVSADM -R
$IPVSADM --help
sysctl -w net.ipv4.ip_forward=1
