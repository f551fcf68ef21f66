// libbpf's static linker: several objects to one. Inputs and output may be memory (through memfd).
#include <bpf/libbpf.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <variant>

#include "binding.h"
#include "capture.h"
#include "exports.h"
#include "handle.h"

namespace {
using Input = std::variant<std::string, Bytes>;

UniqueFd memoryFile(const Bytes& bytes) {
  UniqueFd fd(check(memfd_create("libbpf-ts", MFD_CLOEXEC), "memfd_create"));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(fd.get(), &bytes[at], bytes.size() - at);
    check(written < 0 ? -1 : 0, "write");
    at += static_cast<size_t>(written);
  }
  return fd;
}

std::string pathOf(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// libbpf 1.1 crashes on a file that libelf does not take for a 64-bit object.
void checkObject(const std::string& path, const std::string& name) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const UniqueFd file(check(fd, "link", name));
  Elf64_Ehdr header = {};
  struct stat status = {};
  const bool read = pread(fd, &header, sizeof(header), 0) == sizeof(header) && fstat(fd, &status) == 0;
  const bool whole = header.e_shoff + static_cast<uint64_t>(header.e_shnum) * header.e_shentsize <=
                     static_cast<uint64_t>(status.st_size);
  if (!read || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_REL || header.e_machine != EM_BPF || !whole)
    throw Failure("link", LIBBPF_ERRNO__FORMAT, name, "it is not a 64-bit, little-endian ELF object for BPF");
}

void link(const std::string& out, const std::string& label, const std::vector<Input>& inputs) {
  Capture capture;
  std::unique_ptr<bpf_linker, void (*)(bpf_linker*)> linker(bpf_linker__new(out.c_str(), nullptr), bpf_linker__free);
  if (!linker) throw Failure("link", errno, label, capture.take());
  std::vector<UniqueFd> files;
  for (size_t i = 0; i < inputs.size(); i++) {
    const bool inMemory = std::holds_alternative<Bytes>(inputs[i]);
    if (inMemory) files.push_back(memoryFile(std::get<Bytes>(inputs[i])));
    const std::string path = inMemory ? pathOf(files.back()) : std::get<std::string>(inputs[i]);
    const std::string name = inMemory ? "input " + std::to_string(i) : path;
    checkObject(path, name);
    const int result = bpf_linker__add_file(linker.get(), path.c_str(), nullptr);
    const int error = errno;
    if (result < 0) throw Failure("link", error, name, capture.take());
  }
  const int result = bpf_linker__finalize(linker.get());
  const int error = errno;
  if (result < 0) throw Failure("link", error, label, capture.take());
}

Bytes linkToMemory(const std::vector<Input>& inputs) {
  UniqueFd fd = memoryFile({});
  link(pathOf(fd), "output", inputs);
  struct stat status = {};
  check(fstat(fd.get(), &status), "stat");
  Bytes bytes(static_cast<size_t>(status.st_size));
  check(pread(fd.get(), bytes.data(), bytes.size(), 0) == status.st_size ? 0 : -1, "read");
  return bytes;
}

// Written beside and renamed: nobody sees half of it.
Bytes linkToFile(const std::string& out, const std::vector<Input>& inputs) {
  const std::string partial = out + ".partial";
  try {
    link(partial, out, inputs);
  } catch (...) {
    unlink(partial.c_str());
    throw;
  }
  check(rename(partial.c_str(), out.c_str()), "rename", out);
  return {};
}

// linkObjects(out path | null, [path | Uint8Array]): Promise<Uint8Array>, empty when it went to a file
Napi::Value linkObjects(const Napi::CallbackInfo& info) {
  const auto list = info[1].As<Napi::Array>();
  std::vector<Input> inputs;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value item = list.Get(i);
    if (item.IsString()) inputs.emplace_back(text(item));
    else inputs.emplace_back(copyBytes(item));
  }
  auto work = [out = text(info[0]), inputs = std::move(inputs)] {
    return out.empty() ? linkToMemory(inputs) : linkToFile(out, inputs);
  };
  return Task<Bytes>::run(info.Env(), "linkObjects", std::move(work), [](Napi::Env env, Bytes& bytes) {
    return newBytes(env, bytes.data(), bytes.size());
  });
}
}  // namespace

void exportLinker(Napi::Object exports) { expose<linkObjects>(exports, "linkObjects"); }
