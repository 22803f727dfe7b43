// SPDX-License-Identifier: MIT
// A stranger's program in C++: the pool as an allocator of the standard containers, and all public headers at once.
#include <midden/base.h>
#include <midden/chain.h>
#include <midden/event.h>
#include <midden/heap.h>
#include <midden/pool.h>
#include <midden/reader.h>
#include <midden/roots.h>
#include <midden/slice.h>
#include <midden/snapshot.h>
#include <midden/walk.h>

#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>

template <class T> struct pooled {
    typedef T value_type;
    mid_pool *pool;
    explicit pooled(mid_pool *p) : pool(p) {}
    template <class U> pooled(const pooled<U> &other) : pool(other.pool) {}
    T *allocate(std::size_t n)
    {
        void *p = mid_pool_alloc(pool, n * sizeof(T));
        if (p == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(p);
    }
    void deallocate(T *p, std::size_t n) { mid_pool_release_sized(pool, p, n * sizeof(T)); }
};
template <class T, class U> bool operator==(const pooled<T> &a, const pooled<U> &b) { return a.pool == b.pool; }
template <class T, class U> bool operator!=(const pooled<T> &a, const pooled<U> &b) { return a.pool != b.pool; }

int main()
{
    mid_pool *pool = nullptr;
    if (mid_pool_create(nullptr, &pool) != MID_OK)
        return 1;
    std::size_t squares = 0;
    {
        typedef pooled<std::pair<const int, int>> allocator;
        std::map<int, int, std::less<int>, allocator> map{std::less<int>(), allocator(pool)};
        for (int i = 0; i < 1000; i++)
            map[i] = i * i;
        for (int i = 0; i < 1000; i++)
            squares += map.at(i) == i * i;
    }
    std::size_t out = 0;
    if (mid_pool_destroy(pool, &out) != MID_OK || squares != 1000)
        return 1;
    std::cout << "midden " << mid_version() << ", " << squares << " squares\n";
    return 0;
}
