// The tables of an FTP server: how many sessions each address has, and which address each process serves. Addresses are IPv4.
#include <stdio.h>
#include <stdlib.h>

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

struct hash *s_p_ip_count_hash; // address -> number of sessions
struct hash *s_p_pid_ip_hash;   // process -> address

int main(void) {
    s_p_ip_count_hash = calloc(1, sizeof(struct hash));
    s_p_pid_ip_hash = calloc(1, sizeof(struct hash));
    printf("%p %p\n", (void *)s_p_ip_count_hash, (void *)s_p_pid_ip_hash);
    return 0;
}
