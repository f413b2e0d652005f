#include "library.hpp"

#include <dcb/testing.hpp>

#include <iostream>

int main() {
  dcb::given().when(LendBook{"emma", "ann"}).then(BookLent{"emma", "ann"});
  dcb::given(BookLent{"emma", "bob"}).when(LendBook{"emma", "ann"}).then_error(LibraryError::book_is_lent);
  dcb::given(BookLent{"emma", "bob"}, BookReturned{"emma", "bob"}).when(LendBook{"emma", "ann"}).then(BookLent{"emma", "ann"});
  dcb::given(BookLent{"iliad", "ann"}, BookLent{"odyssey", "ann"}).when(LendBook{"emma", "ann"}).then_error(LibraryError::too_many_books);

  const dcb::memory_store<LibraryEvent> store;
  const dcb::decision_maker maker{store};
  if (const auto made = maker.make(LendBook{"emma", "ann"})) std::cout << "lent at position " << made.position() << '\n';
  if (const auto made = maker.make(LendBook{"emma", "bob"}); !made) std::cout << "bob has to wait\n";
}
