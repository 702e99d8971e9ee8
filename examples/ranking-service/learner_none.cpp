// In the place of learner.cpp where the library serves alone.
#include "learner.hpp"

#include <stdexcept>

std::unique_ptr<learner> learn_on(mmoe::model &&, const mmoe::slot &, const mmoe::input &,
                                  const learning &) {
    throw std::runtime_error("--learn needs a library that trains (mmoe/train.hpp is not there)");
}
