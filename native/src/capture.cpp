#include "capture.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace {
thread_local Capture* current = nullptr;

int print(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || current == nullptr) return 0;
  va_list copy;
  va_copy(copy, arguments);
  const int length = vsnprintf(nullptr, 0, format, copy);
  va_end(copy);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  current->append(text);
  return length;
}
}  // namespace

Capture::Capture() : outer_(current) { current = this; }
Capture::~Capture() { current = outer_; }
void Capture::install() { libbpf_set_print(print); }
