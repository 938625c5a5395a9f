#!/bin/sh -
# Two arms: clients at dpdk1, servers at dpdk0.
BIN=/opt/dpvs/bin
VIP=198.51.100.10
$BIN/dpip addr add $VIP/32 dev dpdk1
$BIN/dpip route add 198.51.100.0/24 dev dpdk1
$BIN/dpip route add default via 198.51.100.1 src 198.51.100.2 dev dpdk1
$BIN/dpip route add 10.20.0.0/24 dev dpdk0
$BIN/dpip route add 10.30.0.0/16 via 10.20.0.254 dev dpdk0 metric 3
$BIN/dpip route add 172.16.0.2/32 dev dpdk1 scope kni_host
$BIN/ipvsadm -A -t $VIP:80 -s rr -j enable
$BIN/ipvsadm -a -t $VIP:80 -r 10.20.0.11:8080 -b -w 100
$BIN/ipvsadm -a -t $VIP:80 -r 10.20.0.12:8080 -b -w 50 -x 5000 -y 4000
$BIN/ipvsadm --add-laddr -z 10.20.0.200 -t $VIP:80 -F dpdk0
$BIN/ipvsadm -P -z 10.20.0.201 -t $VIP:80 -F dpdk0
$BIN/ipvsadm -U -t $VIP:80 -k 203.0.113.66
$BIN/ipvsadm --add-blklst -t $VIP:80 -k 203.0.113.67
$BIN/ipvsadm --del-blklst -t $VIP:80 -k 203.0.113.66
$BIN/ipvsadm -A -u $VIP:53 -s conhash -Y sip --conn-timeout 30
$BIN/ipvsadm -a -u $VIP:53 -r 10.20.0.21:53 -b
$BIN/ipvsadm -O -u $VIP:53 -2 203.0.113.5
$BIN/ipvsadm -A -t $VIP:443 -s conhash --hash-target sip --dest-check ping --expire-quiescent
$BIN/ipvsadm -a -t $VIP:443 -r 10.20.0.11:8443 -m
$BIN/ipvsadm -a -t $VIP:443 -r 10.20.0.12:8443 -b
$BIN/ipvsadm --set 600 60 120
$BIN/ipvsadm -ln
$BIN/ipvsadm -G
