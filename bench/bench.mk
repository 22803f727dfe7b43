# bench goals
