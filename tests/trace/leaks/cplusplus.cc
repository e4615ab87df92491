// Pointers into the middle of blocks, as C++ keeps them: to a string's characters, to an array after its length, to a base.
//
// lost: possibly make_plainly 1 64
// strictly: possibly make_plainly 1 64
// strictly: possibly (library) 1 48
// strictly: possibly make_array 1 32
// strictly: possibly make_both 1 32
// lsan: nothing
// because: for LeakSanitizer a pointer into the middle is as good as one to the start
#define _GLIBCXX_USE_CXX11_ABI 0
#include "leak.h"
#include <string>

struct First {
    virtual ~First() {}
    virtual void first() {}
    long number = 1;
};

struct Second {
    virtual ~Second() {}
    virtual void second() {}
    long number = 2;
};

struct Both : First, Second {};

struct Thing {
    ~Thing() { number = 0; }
    long number = 3;
};

std::string text;
Thing *things;
Second *second;
char *plainly;

APART void make_text()
{
    text.assign("twenty-three characters");
}

APART Thing *make_array()
{
    return new Thing[3];
}

APART Second *make_both()
{
    return new Both;
}

APART char *make_plainly()
{
    return new char[64]();
}

int main()
{
    make_text();
    things = make_array();
    second = make_both();
    plainly = make_plainly() + 16;
    look();
    return things == nullptr;
}
