#pragma once
#include <dcb/dcb.hpp>

struct BookLent     { dcb::id<> book_id, reader_id; };
struct BookReturned { dcb::id<> book_id, reader_id; };
using LibraryEvent = std::variant<BookLent, BookReturned>;

// Where a book is.
struct Book {
  dcb::id<> book_id;
  bool lent = false;

  void apply(const BookLent&)     { lent = true; }
  void apply(const BookReturned&) { lent = false; }
};

// What a reader has.
struct Reader {
  dcb::id<> reader_id;
  int books = 0;

  void apply(const BookLent&)     { ++books; }
  void apply(const BookReturned&) { --books; }
};

enum class LibraryError { book_is_lent, too_many_books };

struct LendBook {
  std::string book_id, reader_id;

  auto states() const { return std::tuple{Book{book_id}, Reader{reader_id}}; }
  dcb::decided<LibraryEvent, LibraryError> decide(const Book& book, const Reader& reader) const {
    if (book.lent) return LibraryError::book_is_lent;
    if (reader.books >= 2) return LibraryError::too_many_books;
    return BookLent{book_id, reader_id};
  }
};
