#!/usr/bin/env python3
"""A cable that loses, delays and reorders packets, for kernels without netem: usage: link.py HERE THERE SEED

It makes two TUN devices with these names, carries packets between them until its standard input ends, and does what the lines there
say. `loss PERCENT delay MS jitter MS`: that share of the packets is lost, and the others take the delay and up to the jitter more, each
for itself, so that they overtake each other. `count`: prints how many were carried, lost and overtaken since the last time.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# A queue without an end would show memory of this program only; netem has as many by default.
PACKETS_MOST = 1000


def device(name):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


here, there = (device(name) for name in sys.argv[1:3])
chance = random.Random(int(sys.argv[3]))
other = {here: there, there: here}
wish = {"loss": 0.0, "delay": 0.0, "jitter": 0.0}
counts = {"carried": 0, "lost": 0, "overtaken": 0}
# When it arrives, its number, where it goes, what it is.
queue = []
number = 0
last = {here: -1, there: -1}
poll = select.poll()
for source in (here, there, sys.stdin.fileno()):
    poll.register(source, select.POLLIN)
print("ready", flush=True)


def told(line):
    words = line.split()
    if words == ["count"]:
        print(counts["carried"], counts["lost"], counts["overtaken"], flush=True)
        counts.update(dict.fromkeys(counts, 0))
        return
    wish.update((name, float(value)) for name, value in zip(words[::2], words[1::2]))
    print("done", flush=True)


def take(source):
    global number
    try:
        packet = os.read(source, 65536)
    except BlockingIOError:
        return False
    number += 1
    if chance.random() * 100 < wish["loss"] or len(queue) >= PACKETS_MOST:
        counts["lost"] += 1
    else:
        late = (wish["delay"] + chance.random() * wish["jitter"]) / 1000
        heapq.heappush(queue, (time.monotonic() + late, number, other[source], packet))
    return True


def deliver():
    while queue and queue[0][0] <= time.monotonic():
        _, count, to, packet = heapq.heappop(queue)
        counts["carried"] += 1
        counts["overtaken"] += count < last[to]
        last[to] = max(last[to], count)
        try:
            os.write(to, packet)
        except OSError:
            # The interface is not up yet, or not any more.
            counts["lost"] += 1


while True:
    patience = None if not queue else max(0.0, (queue[0][0] - time.monotonic()) * 1000)
    ready = [fd for fd, _ in poll.poll(patience)]
    if sys.stdin.fileno() in ready:
        text = sys.stdin.readline()
        if not text:
            sys.exit()
        told(text)
    for tun in (here, there):
        while tun in ready and take(tun):
            pass
    deliver()
