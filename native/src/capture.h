// Collects on one thread what libbpf would print on stderr, the verifier's log included.
#pragma once
#include <string>

class Capture {
 public:
  Capture();
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::string take() { return std::move(text_); }

  // Once a process: routes libbpf's messages to the capture of the calling thread; without one they are dropped.
  static void install();
  void append(std::string_view text) { text_ += text; }

 private:
  std::string text_;
  Capture* outer_;
};
