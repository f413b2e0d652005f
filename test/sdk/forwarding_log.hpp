// A log that passes everything on to another one; tests override what they want to see or spoil.
#pragma once

#include <dcb/dcb.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

class forwarding_log : public dcb::event_log {
 public:
  explicit forwarding_log(dcb::event_log& to) : to_(to) {}

  std::int64_t append(std::span<const dcb::new_event> events, const std::optional<dcb::append_condition>& condition,
                      const dcb::call_options& call) override {
    return to_.append(events, condition, call);
  }
  std::int64_t read(const dcb::event_query& query, const dcb::read_options& options, const dcb::event_sink& sink,
                    const dcb::call_options& call) override {
    return to_.read(query, options, sink, call);
  }
  std::int64_t head(const dcb::call_options& call) override { return to_.head(call); }
  bool exists(const dcb::event_query& query, std::int64_t after, const dcb::call_options& call) override { return to_.exists(query, after, call); }
  std::int64_t count(const dcb::event_query& query, std::int64_t after, const dcb::call_options& call) override {
    return to_.count(query, after, call);
  }
  std::optional<std::int64_t> last(const dcb::event_query& query, const dcb::call_options& call) override { return to_.last(query, call); }
  std::int64_t position_at(dcb::timestamp time, const dcb::call_options& call) override { return to_.position_at(time, call); }
  dcb::reaction_store& reactions() override { return to_.reactions(); }
  std::int64_t load(std::span<const dcb::load_part> parts, dcb::load_sink& sink, const dcb::call_options& call) override {
    return to_.load(parts, sink, call);
  }
  bool save_snapshot(const dcb::load_part& part, const dcb::saved_state& state, const dcb::call_options& call) override {
    return to_.save_snapshot(part, state, call);
  }
  std::vector<dcb::append_outcome> submit_many(std::span<const dcb::append_command> commands, const dcb::call_options& call) override {
    return to_.submit_many(commands, call);
  }
  std::int64_t append_in_line(const dcb::waiting_line& line, std::span<const dcb::load_part> parts, dcb::load_sink& sink,
                              const decide_function& decide, const dcb::call_options& call) override {
    return to_.append_in_line(line, parts, sink, decide, call);
  }
  dcb::observer* watched_by() const noexcept override { return to_.watched_by(); }

 private:
  dcb::event_log& to_;
};
