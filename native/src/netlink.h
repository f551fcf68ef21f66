// A netlink request and its answers, for the few questions that libbpf does not ask.
#pragma once
#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// One message: header, a fixed part, attributes; 4-byte aligned.
class NetlinkMessage {
 public:
  NetlinkMessage(uint16_t type, uint16_t flags);
  void append(const void* data, size_t size);
  void attribute(uint16_t type, const void* data, size_t size);
  std::vector<uint8_t> bytes;
};

// Sends it on a new socket of `protocol` in the caller's network namespace and calls `each` with the payload behind
// nlmsghdr of each answer, until the end of a dump or the acknowledgement. Throws Failure(op) with the kernel's errno.
void netlinkRequest(int protocol, NetlinkMessage message, const char* op,
                    const std::function<void(std::span<const uint8_t>)>& each);

// The payload of the first attribute of that type, empty when absent.
std::span<const uint8_t> findAttribute(std::span<const uint8_t> attributes, uint16_t type);
void eachAttribute(std::span<const uint8_t> attributes,
                   const std::function<void(uint16_t, std::span<const uint8_t>)>& each);

template <typename T>
T readAs(std::span<const uint8_t> bytes) {
  T value = {};
  if (bytes.size() >= sizeof(T)) __builtin_memcpy(&value, bytes.data(), sizeof(T));
  return value;
}
