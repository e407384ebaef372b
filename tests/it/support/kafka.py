"""A cluster as the tests of librdkafka have it: Kafka's protocol, in memory, in this process.

Obeys line by line: `where` prints its addresses, `down` breaks connections and takes no more until
`up`, `read` prints every record as JSON, partition by partition. An empty line ends each answer.

It misspells its answer to a version of ApiVersions that it does not know, and knows no logins. So clients
come by way of a proxy that answers this as brokers do, and stands in for each broker in what they say.
"""

import asyncio
import base64
import ctypes
import hashlib
import hmac
import json
import os
import struct
import sys
import threading

from confluent_kafka import Consumer, TopicPartition, cimpl

BROKERS, PARTITIONS = 3, 4
SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
KNOWN, UNSUPPORTED, REFUSED = 2, 35, 58

library = ctypes.CDLL(cimpl.__file__)
for function in library.rd_kafka_conf_new, library.rd_kafka_new, library.rd_kafka_mock_cluster_new:
    function.restype = ctypes.c_void_p
library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p

error = ctypes.create_string_buffer(512)
conf = ctypes.c_void_p(library.rd_kafka_conf_new())
handle = ctypes.c_void_p(library.rd_kafka_new(0, conf, error, ctypes.c_size_t(512)))
cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(handle, BROKERS))
library.rd_kafka_mock_topic_create(cluster, b"frontdesk", PARTITIONS, BROKERS)
servers = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()

addresses = {}  # of a broker, as it says it: of the proxy, in its place


async def frames(reader):
    try:
        while True:
            yield await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return


class Login:
    """RFC 4616 and RFC 5802, in the frames of KIP-43 and KIP-152."""

    password = os.environ["KAFKA_PASSWORD"].encode()

    def handshake(self, mechanism):
        self.mechanism, self.first = mechanism, None
        self.hash = "sha" + mechanism[-3:]
        return struct.pack(">hih", 0, 1, len(mechanism)) + mechanism.encode()

    def authenticate(self, said):
        if self.mechanism == "PLAIN":
            answer = b"" if said.split(b"\0")[2] == self.password else None
        elif self.first is None:
            answer = self.challenge(said)
        else:
            answer = self.proof(said)
        if answer is None:
            return struct.pack(">hhiq", REFUSED, -1, 0, 0)
        return struct.pack(">hhi", 0, -1, len(answer)) + answer + bytes(8)

    def challenge(self, said):
        self.first, self.salt = said.removeprefix(b"n,,"), os.urandom(16)
        nonce = self.first.split(b",r=")[1] + base64.b64encode(os.urandom(12))
        self.second = b"r=%s,s=%s,i=4096" % (nonce, base64.b64encode(self.salt))
        return self.second

    def proof(self, said):
        last, proof = said.split(b",p=")
        message = b",".join([self.first, self.second, last])
        salted = hashlib.pbkdf2_hmac(self.hash, self.password, self.salt, 4096)
        client, server = (hmac.digest(salted, name, self.hash) for name in (b"Client Key", b"Server Key"))
        signature = hmac.digest(hashlib.new(self.hash, client).digest(), message, self.hash)
        expected = bytes(a ^ b for a, b in zip(client, signature))
        if base64.b64decode(proof) == expected:
            return b"v=" + base64.b64encode(hmac.digest(server, message, self.hash))


async def stand_in(port, near, back):
    try:
        far, onward = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return back.close()

    def answer(number, body):
        back.write(struct.pack(">ii", 4 + len(body), number) + body)

    async def answers():
        async for frame in frames(far):
            for broker, proxy in addresses.items():
                frame = frame.replace(broker, proxy)
            back.write(struct.pack(">i", len(frame)) + frame)
        back.close()

    asyncio.create_task(answers())
    login = Login()
    async for frame in frames(near):
        key, version, number, name = struct.unpack(">hhih", frame[:10])
        if key == SASL_HANDSHAKE:
            answer(number, login.handshake(frame[10 + name + 2 :].decode()))
        elif key == SASL_AUTHENTICATE:
            answer(number, login.authenticate(frame[10 + name + 4 :]))
        elif key == API_VERSIONS and version > KNOWN:
            # KIP-511: as version 0, and which versions there are.
            answer(number, struct.pack(">hihhh", UNSUPPORTED, 1, key, 0, KNOWN))
        else:
            onward.write(struct.pack(">i", len(frame)) + frame)
    onward.close()


async def proxies(ready):
    for server in servers.split(","):
        port = int(server.split(":")[1])
        proxy = await asyncio.start_server(
            lambda near, back, port=port: stand_in(port, near, back), "127.0.0.1", 0
        )
        said = lambda port: b"127.0.0.1" + struct.pack(">i", port)
        addresses[said(port)] = said(proxy.sockets[0].getsockname()[1])
    ready.set()
    await asyncio.Event().wait()


def read():
    settings = {"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer(settings)
    for number in range(PARTITIONS):
        partition = TopicPartition("frontdesk", number, 0)
        end = consumer.get_watermark_offsets(partition, timeout=10)[1]
        consumer.assign([partition])
        while end > 0:
            record = consumer.poll(10)
            if record is None or record.error():
                break
            headers = {name: value.decode() for name, value in record.headers()}
            body = json.loads(record.value())
            print(json.dumps({"key": record.key().decode(), "headers": headers, "body": body}))
            if record.offset() + 1 >= end:
                break
    consumer.close()


ready = threading.Event()
threading.Thread(target=lambda: asyncio.run(proxies(ready)), daemon=True).start()
ready.wait()
for line in sys.stdin:
    match line.strip():
        case "where":
            ports = [struct.unpack(">i", proxy[-4:])[0] for proxy in addresses.values()]
            print(",".join(f"127.0.0.1:{port}" for port in ports))
        case "read":
            read()
        case "down":
            for broker in range(1, BROKERS + 1):
                library.rd_kafka_mock_broker_set_down(cluster, broker)
        case "up":
            for broker in range(1, BROKERS + 1):
                library.rd_kafka_mock_broker_set_up(cluster, broker)
    print(flush=True)
