// List: a growing array that works in constant expressions and at run time alike.
//
// std::vector does too, at several times the constant-evaluation steps, which compilers limit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli {

template <class T>
class List {
 public:
  constexpr List() = default;
  constexpr List(const List& other) {
    for (int i = 0; i < other.size_; ++i) push(other[i]);
  }
  constexpr List& operator=(const List&) = delete;
  constexpr ~List() { delete[] data_; }

  constexpr int push(const T& value) {
    if (size_ == capacity_) grow();
    data_[size_] = value;
    return size_++;
  }
  constexpr void pop() { --size_; }
  constexpr int size() const { return size_; }
  constexpr T& operator[](int i) { return data_[i]; }
  constexpr const T& operator[](int i) const { return data_[i]; }
  constexpr T& back() { return data_[size_ - 1]; }
  constexpr const T& back() const { return data_[size_ - 1]; }
  constexpr const T* data() const { return data_; }

 private:
  constexpr void grow() {
    const int capacity = capacity_ == 0 ? 64 : 2 * capacity_;
    T* data = new T[static_cast<unsigned>(capacity)]();
    for (int i = 0; i < size_; ++i) data[i] = data_[i];
    delete[] data_;
    data_ = data;
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  int size_ = 0, capacity_ = 0;
};

}  // namespace ocelli
