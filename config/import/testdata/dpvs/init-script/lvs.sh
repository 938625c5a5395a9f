case "$1" in
start)
  dpip addr add 192.0.2.10/32 dev dpdk0
  ipvsadm -A -t 192.0.2.10:80 -s rr
  ipvsadm -a -t 192.0.2.10:80 -r 10.0.0.11:80 -g
  ;;
stop)
  ipvsadm -C
  dpip addr del 192.0.2.10/32 dev dpdk0
  ;;
esac
