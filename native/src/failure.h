// What went wrong in a call to the kernel or to libbpf, thrown as a C++ exception on any thread and turned into the
// front's BpfError on the JavaScript thread.
#pragma once
#include <cerrno>
#include <exception>
#include <string>

// In Failure::error beside errno values: the handle was closed; another call is using the object.
constexpr int kClosed = -1;

struct Failure : std::exception {
  std::string op;      // the operation in libbpf's or the kernel's words: "load", "map_create"
  int error;           // a positive errno, a libbpf error (>= 4000), or kClosed
  std::string object;  // the name of what was operated on; may be empty
  std::string log;     // what libbpf and the verifier said; may be empty

  Failure(std::string op_, int error_, std::string object_ = {}, std::string log_ = {})
      : op(std::move(op_)), error(error_ < kClosed ? -error_ : error_), object(std::move(object_)), log(std::move(log_)) {}
  const char* what() const noexcept override { return op.c_str(); }
};

// For calls that return a negative value and set errno; returns the value otherwise.
inline int check(int result, const char* op, const std::string& object = {}, const std::string& log = {}) {
  if (result < 0) throw Failure(op, errno, object, log);
  return result;
}
