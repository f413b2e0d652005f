// The read model: courses and their free seats, in a table that readers see as the view `free_seats`.
#pragma once
#include "events.hpp"

struct FreeSeats {
  std::string schema;
  int version = 1;
  std::string name = "free-seats-" + std::to_string(version);
  std::string replaces = version > 1 ? "free-seats-" + std::to_string(version - 1) : "";

  std::string table(int of) const { return schema + ".free_seats_" + std::to_string(of); }

  void handle(dcb::transaction& tx, const CourseDefined& e) const {
    tx.exec("INSERT INTO " + table(version) + " VALUES ($1, $2, $3, true)", e.course, e.title, e.seats);
  }
  void handle(dcb::transaction& tx, const CourseRenamed& e) const { update(tx, "title = $2", e.course, e.title); }
  void handle(dcb::transaction& tx, const CourseClosed& e) const { update(tx, "open = false", e.course); }
  void handle(dcb::transaction& tx, const StudentSubscribed& e) const { update(tx, "free = free - 1", e.course); }
  void handle(dcb::transaction& tx, const StudentUnsubscribed& e) const { update(tx, "free = free + 1", e.course); }

  // In the transaction in which the former version ends: readers see its rows before and ours after.
  void swap(dcb::transaction& tx) const {
    tx.exec("CREATE OR REPLACE VIEW " + schema + ".free_seats AS SELECT * FROM " + table(version));
    tx.exec("DROP TABLE " + table(version - 1));
  }

  void create_table(dcb::transaction& tx) const {
    tx.exec("CREATE TABLE IF NOT EXISTS " + table(version) + " (course text PRIMARY KEY, title text NOT NULL, free int NOT NULL, open boolean NOT NULL)");
  }
  // What a new school begins with.
  void create(dcb::transaction& tx) const {
    create_table(tx);
    tx.exec("CREATE OR REPLACE VIEW " + schema + ".free_seats AS SELECT * FROM " + table(version));
  }

 private:
  template <class... Params>
  void update(dcb::transaction& tx, const std::string& what, const Params&... params) const {
    tx.exec("UPDATE " + table(version) + " SET " + what + " WHERE course = $1", params...);
  }
};
