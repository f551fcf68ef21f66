#include "netlink.h"

#include <sys/socket.h>

#include <cstring>

#include "failure.h"
#include "handle.h"

NetlinkMessage::NetlinkMessage(uint16_t type, uint16_t flags) {
  const nlmsghdr header = {0, type, flags, 1, 0};
  append(&header, sizeof(header));
}

void NetlinkMessage::append(const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), from, from + size);
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

void NetlinkMessage::attribute(uint16_t type, const void* data, size_t size) {
  const nlattr header = {static_cast<uint16_t>(NLA_HDRLEN + size), type};
  append(&header, sizeof(header));
  append(data, size);
}

void netlinkRequest(int protocol, NetlinkMessage message, const char* op,
                    const std::function<void(std::span<const uint8_t>)>& each) {
  const uint32_t size = static_cast<uint32_t>(message.bytes.size());
  memcpy(message.bytes.data(), &size, sizeof(size));
  const UniqueFd socket(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), op));
  check(static_cast<int>(send(socket.get(), message.bytes.data(), size, 0)), op);
  std::vector<uint8_t> buffer(65536);
  for (;;) {
    const ssize_t received = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    check(received < 0 ? -1 : 0, op);
    auto left = static_cast<uint32_t>(received);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      const std::span<const uint8_t> payload(static_cast<const uint8_t*>(NLMSG_DATA(header)), NLMSG_PAYLOAD(header, 0));
      if (header->nlmsg_type == NLMSG_DONE) return;
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int error = readAs<int>(payload);
        if (error == 0) return;
        throw Failure(op, -error);
      }
      each(payload);
    }
  }
}

void eachAttribute(std::span<const uint8_t> attributes,
                   const std::function<void(uint16_t, std::span<const uint8_t>)>& each) {
  while (attributes.size() >= sizeof(nlattr)) {
    const auto header = readAs<nlattr>(attributes);
    if (header.nla_len < sizeof(nlattr) || header.nla_len > attributes.size()) return;
    each(header.nla_type & NLA_TYPE_MASK, attributes.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN));
    attributes = attributes.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), attributes.size()));
  }
}

std::span<const uint8_t> findAttribute(std::span<const uint8_t> attributes, uint16_t wanted) {
  std::span<const uint8_t> found;
  eachAttribute(attributes, [&](uint16_t type, std::span<const uint8_t> value) {
    if (type == wanted && found.empty()) found = value;
  });
  return found;
}
