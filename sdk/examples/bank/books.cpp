#include "books.hpp"

#include "account.hpp"

#include <map>
#include <set>

namespace {

class audit_trail {
 public:
  void follow(std::int64_t position, const BankEvent& event) {
    position_ = position;
    if (++books_.events != position) wrong("there is a gap in the log");
    std::visit([&](const auto& each) { follow(each); }, event);
  }

  Books result() {
    for (const auto& [id, account] : accounts_) books_.cents += account.cents;
    if (!on_the_way_.empty()) wrong("a transfer has not arrived");
    if (books_.cents != books_.paid_in + books_.interest) wrong("the balances do not add up to what was paid in and what interest it bore");
    return std::move(books_);
  }

 private:
  void follow(const AccountOpened& e) {
    if (accounts_[e.account_id].stage != Stage::none) wrong(e.account_id.value + " is opened twice");
    enter(e);
  }
  void follow(const AccountClosed& e) {
    if (open(e).cents != 0) wrong(e.account_id.value + " is closed with money on it");
    enter(e);
  }
  void follow(const MoneyDeposited& e) { open(e), enter(e), books_.paid_in += e.cents; }
  void follow(const MoneyWithdrawn& e) { open(e), enter(e), books_.paid_in -= e.cents; }
  void follow(const InterestPaid& e) {
    const auto before = open(e).cents;
    books_.interest += enter(e).cents - before;
  }
  // The two halves of a transfer stand next to each other: they were appended at once.
  void follow(const MoneySent& e) {
    ++books_.transfers;
    open(e), enter(e);
    if (!transfers_.insert(e.transfer_id).second) wrong("transfer " + e.transfer_id.value + " is made twice");
    if (!on_the_way_.empty()) wrong("money is sent before what was sent has arrived");
    on_the_way_[e.transfer_id] = e.cents;
  }
  void follow(const MoneyReceived& e) {
    open(e), enter(e);
    const auto sent = on_the_way_.find(e.transfer_id);
    if (sent == on_the_way_.end() || sent->second != e.cents) return wrong("what transfer " + e.transfer_id.value + " brings was never sent");
    on_the_way_.erase(sent);
  }

  template <class E>
  const Account& open(const E& event) {
    const auto& account = accounts_[event.account_id];
    if (account.stage != Stage::open) wrong("something happens on " + event.account_id.value + ", which is not open");
    return account;
  }
  template <class E>
  const Account& enter(const E& event) {
    auto& account = accounts_[event.account_id];
    account.apply(event);
    if (account.cents < 0) wrong(event.account_id.value + " is overdrawn");
    return account;
  }
  void wrong(const std::string& what) { books_.wrong.push_back(what + " (position " + std::to_string(position_) + ')'); }

  Books books_{};
  std::map<std::string, Account> accounts_{};
  std::set<std::string> transfers_{};
  std::map<std::string, std::int64_t> on_the_way_{};
  std::int64_t position_ = 0;
};

}  // namespace

Books check_books(const dcb::event_store<BankEvent>& store) {
  audit_trail trail;
  for (const auto& recorded : store.read()) trail.follow(recorded.position, recorded.event);
  return trail.result();
}
