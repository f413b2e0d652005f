#pragma once

// A bank on any log, watched, and the books that have to be right whatever happened.

#include "books.hpp"
#include "conflicts.hpp"
#include "forwarding_log.hpp"
#include "store_factories.hpp"
#include "transfer.hpp"

#include <cstdlib>
#include <memory>
#include <string>

namespace bank {

// What the environment says for the long form of a test.
inline int number(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::stoi(text) : otherwise;
}

inline Books expect_right_books_of(const dcb::event_store<BankEvent>& store) {
  auto books = check_books(store);
  for (const auto& sentence : books.wrong) ADD_FAILURE() << sentence;
  return books;
}

class watched_log final : public forwarding_log {
 public:
  watched_log(dcb::event_log& to, dcb::observer& watch) : forwarding_log(to), watch_(watch) {}
  dcb::observer* watched_by() const noexcept override { return &watch_; }

 private:
  dcb::observer& watch_;
};

class bank_test : public testing::TestWithParam<log_factory> {
 protected:
  Books expect_right_books() const { return expect_right_books_of(store); }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
  std::shared_ptr<conflict_counter> counter = std::make_shared<conflict_counter>();
  watched_log watched{*log, *counter};
  typed_log<BankEvent> store{watched};
  dcb::decision_maker<BankEvent> maker{store};
};

}  // namespace bank
