#!/bin/busybox sh
# PID 1 of the guest: the host's file system (read only, by 9p) under a layer of memory becomes the root, and the
# guest's command runs there.
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
for m in $(busybox cat /modules.order); do busybox insmod "$m" || echo "insmod $m failed"; done
busybox mkdir -p /host /layer /root
busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /host || echo "no host file system"
busybox mount -t tmpfs -o size=80% layer /layer
busybox mkdir /layer/upper /layer/work
busybox mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /root
for d in proc sys dev run tmp; do busybox mkdir -p /root/$d; done
busybox mount -t proc proc /root/proc
busybox mount -t sysfs sys /root/sys
busybox mount -t tmpfs run /root/run
busybox mount -t devtmpfs dev /root/dev
busybox mkdir -p /root/dev/pts /root/dev/shm
busybox mount -t devpts pts /root/dev/pts
busybox mount -t tmpfs shm /root/dev/shm
release=$(busybox uname -r)
busybox mkdir -p /root/lib/modules/$release
busybox mount -o bind /host$(busybox cat /modules.dir) /root/lib/modules/$release
busybox cp /bin/busybox /root/sbin/busybox
busybox cp /command /root/run/command
busybox cat > /root/run/guest.sh <<'END'
#!/bin/bash
export HOME=/root PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin
# The kernel asks for the modules that it needs. The command's name decides which tool busybox is.
mkdir -p /run/modprobe && ln -s /sbin/busybox /run/modprobe/modprobe
echo /run/modprobe/modprobe > /proc/sys/kernel/modprobe
/run/modprobe/modprobe -a crc32c_generic libcrc32c tun virtio_net 2>/dev/null
ip link set lo up
bash -c "$(cat /run/command)"
echo "guest-exit: $?"
/sbin/busybox poweroff -f
END
exec busybox switch_root /root /bin/bash /run/guest.sh
