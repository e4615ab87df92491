// Every form of C++'s operator new and delete. Prints what is wrong; the exit status is 1 if anything is.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int wrong;
#define IS(what) \
    do { \
        if (!(what)) { \
            ++wrong; \
            std::printf("line %d: not so: %s\n", __LINE__, #what); \
        } \
    } while (0)

// Not constants, lest the compiler knows the answers.
static volatile std::size_t huge = PTRDIFF_MAX;
static volatile std::size_t some = 100;
static void *volatile kept;

struct alignas(256) Wide {
    char bytes[300];
};

static void every_pair_of_new_and_delete_fits() {
    for (std::size_t n : {std::size_t(0), std::size_t(1), some + 0, std::size_t(100000)}) {
        const auto align = std::align_val_t(128);
        void *p;
        IS((p = ::operator new(n)));
        ::operator delete(p);
        IS((p = ::operator new(n)));
        ::operator delete(p, n);
        IS((p = ::operator new[](n)));
        ::operator delete[](p);
        IS((p = ::operator new[](n)));
        ::operator delete[](p, n);
        IS((p = ::operator new(n, std::nothrow)));
        ::operator delete(p, std::nothrow);
        IS((p = ::operator new[](n, std::nothrow)));
        ::operator delete[](p, std::nothrow);
        IS((p = ::operator new(n, align)) && std::uintptr_t(p) % 128 == 0);
        ::operator delete(p, align);
        IS((p = ::operator new(n, align)));
        ::operator delete(p, n, align);
        IS((p = ::operator new[](n, align)) && std::uintptr_t(p) % 128 == 0);
        ::operator delete[](p, align);
        IS((p = ::operator new[](n, align)));
        ::operator delete[](p, n, align);
        IS((p = ::operator new(n, align, std::nothrow)) && std::uintptr_t(p) % 128 == 0);
        ::operator delete(p, align, std::nothrow);
        IS((p = ::operator new[](n, align, std::nothrow)) && std::uintptr_t(p) % 128 == 0);
        ::operator delete[](p, align, std::nothrow);
    }
    std::unique_ptr<Wide> wide(new Wide);
    std::unique_ptr<Wide[]> wides(new Wide[7]);
    IS(std::uintptr_t(wide.get()) % 256 == 0 && std::uintptr_t(wides.get()) % 256 == 0);
    ::operator delete(nullptr);
    delete static_cast<char *>(nullptr);
}

template <class Call> static bool throws(Call call) {
    try {
        call();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void no_memory_throws_or_gives_null() {
    IS(throws([] { kept = ::operator new(huge); }));
    IS(throws([] { kept = ::operator new[](huge); }));
    IS(throws([] { kept = ::operator new(huge, std::align_val_t(64)); }));
    IS(throws([] { kept = ::operator new[](huge, std::align_val_t(64)); }));
    IS(throws([] { kept = new char[huge]; }));
    IS(!::operator new(huge, std::nothrow));
    IS(!::operator new[](huge, std::nothrow));
    IS(!::operator new(huge, std::align_val_t(64), std::nothrow));
    IS(!::operator new[](huge, std::align_val_t(64), std::nothrow));
    IS(throws([] { std::vector<char> v(huge / 2); }));
    IS(throws([] { throw std::bad_alloc(); }));
}

static int asked;

static void give_up_after_three() {
    if (++asked == 3) std::set_new_handler(nullptr);
}

static void throw_at_once() {
    ++asked;
    throw std::bad_alloc();
}

static void the_new_handler_is_asked_until_it_gives_up() {
    asked = 0;
    std::set_new_handler(give_up_after_three);
    IS(throws([] { kept = ::operator new(huge); }));
    IS(asked == 3 && std::get_new_handler() == nullptr);
    std::set_new_handler(throw_at_once);
    asked = 0;
    IS(throws([] { kept = ::operator new(huge, std::align_val_t(64)); }));
    // A handler that throws ends in null where nothing may be thrown.
    IS(!::operator new(huge, std::nothrow));
    IS(!::operator new[](huge, std::align_val_t(64), std::nothrow));
    IS(asked == 3);
    std::set_new_handler(nullptr);
}

static thread_local std::string of_a_thread;

static void exceptions_and_threads_work() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([i] {
            of_a_thread.assign(1000, char('a' + i));
            std::map<int, std::string> map;
            for (int j = 0; j < 20000; j++) {
                map[j * 7919 % 1000] = std::string(std::size_t(j % 200), 'x');
                try {
                    if (j % 100 == 0) throw std::runtime_error(std::string(300, 'y'));
                } catch (const std::runtime_error &error) {
                    if (std::strlen(error.what()) != 300) ++wrong;
                }
            }
        });
    for (auto &thread : threads) thread.join();
}

// Made before main and destroyed after it.
struct Early {
    std::vector<std::string> words;
    Early() { words.assign(1000, std::string(50, 'e')); }
    ~Early() { words.assign(2000, std::string(60, 'l')); }
} early;

int main() {
    every_pair_of_new_and_delete_fits();
    no_memory_throws_or_gives_null();
    the_new_handler_is_asked_until_it_gives_up();
    exceptions_and_threads_work();
    return wrong != 0;
}
