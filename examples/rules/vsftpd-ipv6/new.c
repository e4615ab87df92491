// In the next release addresses are IPv6, with those of IPv4 mapped into it. Keys and values have other sizes, and another hash.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct address {
    unsigned char bytes[16];
};

struct hash_node {
    void *p_key;
    void *p_value;
    struct hash_node *p_prev;
    struct hash_node *p_next;
};

struct hash {
    unsigned int buckets;
    unsigned int key_size;
    unsigned int value_size;
    struct hash_node **p_nodes;
};

struct hash *s_p_ip_count_hash;
struct hash *s_p_pid_ip_hash;

__attribute__((noinline)) void hash_add_entry(struct hash *p_hash, void *p_key, void *p_value) {
    struct hash_node *p_node = calloc(1, sizeof(*p_node));
    unsigned int bucket = *(unsigned char *)p_key % p_hash->buckets;
    p_node->p_key = memcpy(malloc(p_hash->key_size), p_key, p_hash->key_size);
    p_node->p_value = memcpy(malloc(p_hash->value_size), p_value, p_hash->value_size);
    p_node->p_next = p_hash->p_nodes[bucket];
    p_hash->p_nodes[bucket] = p_node;
}

int main(int argc, char **argv) {
    struct address address = {{(unsigned char)argc}};
    struct hash_node *nodes[1] = {NULL};
    struct hash hash = {1, sizeof(address), sizeof(int), nodes};
    (void)argv;
    s_p_ip_count_hash = calloc(1, sizeof(struct hash));
    s_p_pid_ip_hash = calloc(1, sizeof(struct hash));
    hash_add_entry(&hash, &address, &argc);
    printf("%p %p\n", (void *)s_p_ip_count_hash, (void *)s_p_pid_ip_hash);
    return 0;
}
