#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

// One event of the clickstream scenario (its section 1) and its bytes.

namespace tarn::generate::clickstream {

struct Uuid {
  uint64_t high = 0, low = 0;
};
// Version 4.
Uuid DrawUuid(Random& random);

enum class EventType : uint8_t { kPageView, kProductView, kAddToCart, kCheckout, kPurchase };
inline constexpr int kEventTypes = 5;
inline constexpr std::array<std::string_view, kEventTypes> kEventTypeNames = {"page_view", "product_view",
                                                                              "add_to_cart", "checkout", "purchase"};

inline constexpr int kProducts = 5;
inline constexpr std::array<std::string_view, kProducts> kProductNames = {"laptop", "smartphone", "headphones",
                                                                          "tablet", "smartwatch"};

// The texts are views of constants or of the maker's buffers and hold nothing that JSON must escape.
struct Event {
  Uuid event_id, user_id, session_id;
  EventType type = EventType::kPageView;
  int product = -1;  // none: null
  Micros timestamp = 0;
  std::string_view page_url, user_agent;
  uint32_t ip_address = 0;
  std::string_view device_type, browser, os, country, referrer;
  int screen_width = 0, screen_height = 0;
  int time_on_page = 0, scroll_depth = 0;
  int click_x = 0, click_y = 0;
};

// How a record is broken; each one surely becomes a dead letter.
enum class Damage {
  kNone,
  kNoEventId,
  kNoTimestamp,
  kBadTimestamp,
  kTextTimeOnPage,
  kTextScrollDepth,
};

// Replaces `json` by the event's object: the fields in the scenario's order, without blanks. Fast: the generator feeds
// streams that take a million records a second.
void WriteEvent(const Event& event, Damage damage, std::string& json);

// "2026-11-24T14:05:06.123456", as the events carry it.
std::string FormatEventTime(Micros time);

}  // namespace tarn::generate::clickstream
