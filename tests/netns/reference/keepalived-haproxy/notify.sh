#!/bin/sh
# keepalived and Ballast pass the same arguments: INSTANCE or GROUP, its name, its state, its priority.
echo "$2 $3" >> /var/log/ha-notify.log
