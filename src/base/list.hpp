// List: an intrusive doubly linked list of objects that carry `Link<T>`s.
//
//   head <-> a <-> b <-> c        an object is in one list per Link member; nullptr ends both ways
//
// Above: runs, slabs. Below: nothing. The owner of the list provides the locking.
#pragma once

namespace hakmem {

template <typename T>
struct Link {
  T* prev = nullptr;
  T* next = nullptr;
};

template <typename T, Link<T> T::*kLink>
class List {
 public:
  constexpr List() = default;

  bool empty() const { return head_ == nullptr; }
  T* front() const { return head_; }
  T* back() const { return tail_; }
  static T* next(const T* item) { return (item->*kLink).next; }

  void push_front(T* item) {
    (item->*kLink) = {nullptr, head_};
    if (head_ != nullptr) (head_->*kLink).prev = item;
    head_ = item;
    if (tail_ == nullptr) tail_ = item;
  }

  void push_back(T* item) {
    (item->*kLink) = {tail_, nullptr};
    if (tail_ != nullptr) (tail_->*kLink).next = item;
    tail_ = item;
    if (head_ == nullptr) head_ = item;
  }

  // Before `place`, which is in the list; at the end when it is nullptr.
  void insert_before(T* item, T* place) {
    if (place == nullptr) return push_back(item);
    T* prev = (place->*kLink).prev;
    if (prev == nullptr) return push_front(item);
    (item->*kLink) = {prev, place};
    (prev->*kLink).next = item;
    (place->*kLink).prev = item;
  }

  void remove(T* item) {
    Link<T>& link = item->*kLink;
    (link.prev != nullptr ? (link.prev->*kLink).next : head_) = link.next;
    (link.next != nullptr ? (link.next->*kLink).prev : tail_) = link.prev;
    link = {};
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace hakmem
