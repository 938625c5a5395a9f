#!/bin/bash
# typical LVS-DR init script
VIP=192.0.2.10
RIP1=192.0.2.21
RIP2=192.0.2.22
. /etc/rc.d/init.d/functions
case "$1" in
start)
    echo "start LVS of DirectorServer"
    /sbin/ifconfig eth0:0 $VIP broadcast $VIP netmask 255.255.255.255 up
    /sbin/route add -host $VIP dev eth0:0
    echo "1" >/proc/sys/net/ipv4/ip_forward
    /sbin/ipvsadm -C
    /sbin/ipvsadm -A -t $VIP:80 -s rr -p 600
    /sbin/ipvsadm -a -t $VIP:80 -r $RIP1:80 -g
    /sbin/ipvsadm -a -t $VIP:80 -r $RIP2:80 -g
    /sbin/ipvsadm
    ;;
stop)
    echo "close LVS Directorserver"
    echo "0" >/proc/sys/net/ipv4/ip_forward
    /sbin/ipvsadm -C
    /sbin/ifconfig eth0:0 down
    ;;
*)
    echo "Usage: $0 {start|stop}"
    exit 1
esac
