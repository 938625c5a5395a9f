ip addr add 192.0.2.2/24 dev eth0
