// Ring buffers: records taken off in batches on the JavaScript thread, waited for on a worker. One reader a map: the
// position of the reader is a page that all of them share.
#include <bpf/libbpf.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "binding.h"
#include "exports.h"
#include "handle.h"

namespace {
// The records of one call, one behind the other; `ends` are the offsets behind each.
struct Batch {
  Bytes bytes;
  std::vector<uint32_t> ends;
  size_t limit = 0;
};

struct Ring {
  OpenFd map;
  UniqueFd event{-1};
  ring_buffer* buffer = nullptr;
  Batch* batch = nullptr;  // of the call at work

  ~Ring() { ring_buffer__free(buffer); }
};

struct RingHandle {
  static constexpr uint32_t kMagic = 0x7269ba55;
  uint32_t magic = kMagic;
  std::shared_ptr<Ring> ring;
  std::string label;
  ~RingHandle() { close(); }
  void close() {
    if (!ring) return;
    eventfd_write(ring->event.get(), 1);  // whoever waits wakes
    ring.reset();
  }
};

// A negative answer ends the call behind this record.
int collect(void* context, void* data, size_t size) {
  Batch& batch = *static_cast<Ring*>(context)->batch;
  const auto* bytes = static_cast<const uint8_t*>(data);
  batch.bytes.insert(batch.bytes.end(), bytes, bytes + size);
  batch.ends.push_back(static_cast<uint32_t>(batch.bytes.size()));
  return batch.ends.size() >= batch.limit ? -ECANCELED : 0;
}

std::shared_ptr<Ring> openRing(const Napi::Value& value, const char* op) {
  RingHandle& handle = unwrapHandle<RingHandle>(value);
  if (!handle.ring) throw Failure(op, kClosed, handle.label);
  return handle.ring;
}

// ringOpen(map handle): handle
Napi::Value ringOpen(const Napi::CallbackInfo& info) {
  auto ring = std::make_shared<Ring>();
  ring->map = openFd(info[0], "ring_open");
  ring->event = UniqueFd(check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "ring_open", ring->map.label));
  ring->buffer = ring_buffer__new(ring->map.fd(), collect, ring.get(), nullptr);
  if (ring->buffer == nullptr) throw Failure("ring_open", errno, ring->map.label);
  auto handle = std::make_unique<RingHandle>();
  handle->label = ring->map.label;
  handle->ring = std::move(ring);
  return wrapHandle(info.Env(), std::move(handle));
}

// ringClose(handle): harmless when closed already
Napi::Value ringClose(const Napi::CallbackInfo& info) {
  unwrapHandle<RingHandle>(info[0]).close();
  return info.Env().Undefined();
}

// ringRead(handle, most records): {bytes, ends}; what is there now, perhaps nothing
Napi::Value ringRead(const Napi::CallbackInfo& info) {
  const auto ring = openRing(info[0], "ring_read");
  Batch batch;
  batch.limit = number(info[1]);
  ring->batch = &batch;
  const int result = ring_buffer__consume(ring->buffer);
  ring->batch = nullptr;
  if (result < 0 && result != -ECANCELED) throw Failure("ring_read", result, ring->map.label);
  auto answer = Napi::Object::New(info.Env());
  answer.Set("bytes", newBytes(info.Env(), batch.bytes.data(), batch.bytes.size()));
  auto ends = Napi::Array::New(info.Env(), batch.ends.size());
  for (uint32_t i = 0; i < batch.ends.size(); i++) ends.Set(i, batch.ends[i]);
  answer.Set("ends", ends);
  return answer;
}

// ringWait(handle, milliseconds): Promise<void>; until there is a record, it is closed, or the time is over
Napi::Value ringWait(const Napi::CallbackInfo& info) {
  auto work = [ring = openRing(info[0], "ring_wait"), limit = static_cast<int>(number(info[1]))] {
    pollfd fds[] = {{ring->map.fd(), POLLIN, 0}, {ring->event.get(), POLLIN, 0}};
    const int result = poll(fds, 2, limit);
    if (result < 0 && errno != EINTR) throw Failure("ring_wait", errno, ring->map.label);
    return result;
  };
  return Task<int>::run(info.Env(), "ringWait", std::move(work),
                        [](Napi::Env env, int&) -> Napi::Value { return env.Undefined(); });
}
}  // namespace

void exportRing(Napi::Object exports) {
  expose<ringOpen>(exports, "ringOpen");
  expose<ringClose>(exports, "ringClose");
  expose<ringRead>(exports, "ringRead");
  expose<ringWait>(exports, "ringWait");
}
