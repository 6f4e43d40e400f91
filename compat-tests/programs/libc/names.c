// Names of hosts, services, protocols and accounts that need no network: literals, /etc and what is wrong with a question.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void look(const char *node, const char *service, int flags, int family, int kind, int protocol) {
    struct addrinfo hints = {.ai_flags = flags, .ai_family = family, .ai_socktype = kind, .ai_protocol = protocol}, *list = 0;
    int result = getaddrinfo(node, service, &hints, &list);
    printf("getaddrinfo %s %s %x %d %d %d: %d\n", node ?: "-", service ?: "-", flags, family, kind, protocol, result);
    for (struct addrinfo *one = list; one; one = one->ai_next) {
        char host[64] = "", port[16] = "";
        int named = getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        printf("  %d %d %d %u %d %s %s %s\n", one->ai_family, one->ai_socktype, one->ai_protocol, one->ai_addrlen, named, host, port, one->ai_canonname ?: "-");
    }
    if (list) freeaddrinfo(list);
}
static void name(const char *address, int port, int flags, int hosts, int services) {
    struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    void *to = &plain;
    socklen_t length = sizeof plain;
    if (inet_pton(AF_INET, address, &plain.sin_addr) != 1) inet_pton(AF_INET6, address, &six.sin6_addr), to = &six, length = sizeof six;
    char host[256] = "", service[64] = "";
    int result = getnameinfo(to, length, hosts ? host : 0, hosts, services ? service : 0, services, flags);
    printf("getnameinfo %s %d %x %d %d: %d %s %s\n", address, port, flags, hosts, services, result, result ? "" : host, result ? "" : service);
}
static void host(const char *what, struct hostent *entry, int error) {
    printf("%s: ", what);
    if (!entry) { printf("none %d\n", error); return; }
    printf("%s %d %d", entry->h_name, entry->h_addrtype, entry->h_length);
    for (char **alias = entry->h_aliases; *alias; alias++) printf(" alias %s", *alias);
    for (char **address = entry->h_addr_list; *address; address++) {
        char text[64];
        printf(" %s", inet_ntop(entry->h_addrtype, *address, text, sizeof text));
    }
    printf("\n");
}

int main(void) {
    static const char *const nodes[] = {0, "127.0.0.1", "10.1", "0x7f.1", "0177.1", "1.2.3.256", "::1", "fe80::1", "fe80::1%lo", "fe80::1%9999", "::ffff:1.2.3.4", "1::2::3", "localhost", "", "*"};
    static const char *const services[] = {0, "80", "http", "domain", "99999", "-1", "", "absent"};
    for (size_t n = 0; n < sizeof nodes / sizeof *nodes; n++) {
        if (nodes[n] && (!strcmp(nodes[n], "*") || !strcmp(nodes[n], "1::2::3") || !strcmp(nodes[n], "1.2.3.256"))) {
            look(nodes[n], 0, AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM, 0);
            continue;
        }
        look(nodes[n], "80", AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM, 0), look(nodes[n], "80", AI_NUMERICHOST, AF_INET, 0, 0), look(nodes[n], "80", AI_NUMERICHOST, AF_INET6, SOCK_DGRAM, 0);
    }
    for (size_t s = 0; s < sizeof services / sizeof *services; s++) {
        look("127.0.0.1", services[s], 0, AF_INET, 0, 0), look("127.0.0.1", services[s], 0, AF_INET, SOCK_STREAM, 0), look("127.0.0.1", services[s], AI_NUMERICSERV, AF_INET, SOCK_DGRAM, 0);
        look(0, services[s], AI_PASSIVE, AF_INET, SOCK_STREAM, 0);
        if (!services[s] || *services[s]) look("127.0.0.1", services[s], 0, AF_INET, SOCK_RAW, 0);
    }
    look("127.0.0.1", "80", AI_CANONNAME, AF_INET, SOCK_STREAM, 0), look(0, "80", AI_CANONNAME, AF_INET, SOCK_STREAM, 0), look("127.0.0.1", "80", 0x10000, AF_INET, SOCK_STREAM, 0);
    look("127.0.0.1", "80", 0, 99, SOCK_STREAM, 0), look("127.0.0.1", "80", 0, AF_INET, 99, 0), look("127.0.0.1", "80", 0, AF_INET, SOCK_STREAM, IPPROTO_UDP), look("127.0.0.1", "80", 0, AF_INET, 0, IPPROTO_TCP);
    look("127.0.0.1", "80", AI_V4MAPPED, AF_INET6, SOCK_STREAM, 0), look("localhost", "http", 0, AF_INET, SOCK_STREAM, 0), look("localhost", 0, AI_CANONNAME, AF_INET, SOCK_DGRAM, 0);

    for (int flags = 0; flags < 16; flags++) name("127.0.0.1", 80, flags & ~NI_NAMEREQD, 256, 64);
    name("127.0.0.1", 80, NI_NUMERICHOST, 3, 64), name("127.0.0.1", 80, NI_NUMERICHOST, 256, 2), name("127.0.0.1", 80, NI_NUMERICHOST, 0, 64), name("127.0.0.1", 80, NI_NUMERICHOST, 0, 0);
    name("127.0.0.1", 53, NI_DGRAM | NI_NUMERICHOST, 64, 64), name("127.0.0.1", 54321, NI_NUMERICHOST, 64, 64), name("::1", 443, NI_NUMERICHOST, 64, 64), name("fe80::5", 443, NI_NUMERICHOST, 64, 64);
    struct sockaddr unknown = {.sa_family = 77};
    char room[8192];
    printf("%d %d\n", getnameinfo(&unknown, sizeof unknown, room, 64, 0, 0, 0), getnameinfo(&unknown, 1, room, 64, 0, 0, 0));

    host("gethostbyname literal", gethostbyname("10.1.2.3"), h_errno), host("gethostbyname2 6", gethostbyname2("::1", AF_INET6), h_errno), host("gethostbyname localhost", gethostbyname("localhost"), h_errno);
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    host("gethostbyaddr", gethostbyaddr(&loopback, 4, AF_INET), h_errno);
    struct hostent entry, *found;
    int error = 0, result = gethostbyname_r("10.1.2.3", &entry, room, sizeof room, &found, &error);
    printf("_r %d ", result), host("gethostbyname_r", found, error);
    result = gethostbyname_r("10.1.2.3", &entry, room, 8, &found, &error), printf("small %d %d %d\n", result, found == 0, error);
    result = gethostbyaddr_r(&loopback, 4, AF_INET, &entry, room, sizeof room, &found, &error), printf("_r %d ", result), host("gethostbyaddr_r", found, error);

    struct servent *service = getservbyname("http", "tcp");
    printf("%s %d %s\n", service->s_name, ntohs(service->s_port), service->s_proto);
    service = getservbyname("domain", 0), printf("%s %d %s\n", service->s_name, ntohs(service->s_port), service->s_proto);
    service = getservbyport(htons(443), "tcp"), printf("%s %d %s\n", service->s_name, ntohs(service->s_port), service->s_proto);
    printf("%d %d %d\n", getservbyname("absent", 0) == 0, getservbyname("http", "sctp") == 0, getservbyport(htons(9), "xxx") == 0);
    struct servent one, *gave;
    result = getservbyname_r("https", "tcp", &one, room, sizeof room, &gave), printf("%d %s\n", result, gave ? gave->s_name : "-");
    result = getservbyname_r("https", "tcp", &one, room, 4, &gave), printf("%d %d\n", result, gave == 0);
    result = getservbyport_r(htons(22), "tcp", &one, room, sizeof room, &gave), printf("%d %s\n", result, gave ? gave->s_name : "-");
    struct protoent *protocol = getprotobyname("tcp");
    printf("%s %d %s\n", protocol->p_name, protocol->p_proto, "");
    protocol = getprotobynumber(17), printf("%s %d\n", protocol->p_name, protocol->p_proto), printf("%d\n", getprotobyname("absent") == 0);

    struct passwd account, *user = getpwnam("root");
    printf("%s %s %d %d %s %s\n", user->pw_name, user->pw_passwd, user->pw_uid, user->pw_gid, user->pw_dir, user->pw_shell);
    user = getpwnam("absent"), printf("%d\n", user == 0);
    result = getpwnam_r("root", &account, room, sizeof room, &user), printf("%d %d %s\n", result, user == &account, account.pw_name);
    result = getpwnam_r("root", &account, room, 3, &user), printf("%d %d\n", result, user == 0);
    result = getpwnam_r("absent", &account, room, sizeof room, &user), printf("%d %d\n", result, user == 0);
    result = getpwuid_r(0, &account, room, sizeof room, &user), printf("%d %d %s\n", result, user == &account, account.pw_gecos);
    int count = 0;
    for (setpwent(); (user = getpwent());) count += user->pw_uid;
    endpwent(), printf("sum of users %d\n", count);
    struct group *group = getgrnam("root"), team;
    printf("%s %s %d %d\n", group->gr_name, group->gr_passwd, group->gr_gid, group->gr_mem[0] == 0);
    result = getgrgid_r(0, &team, room, sizeof room, &group), printf("%d %s\n", result, group->gr_name);
    result = getgrgid_r(0, &team, room, 3, &group), printf("%d %d\n", result, group == 0), result = getgrnam_r("absent", &team, room, sizeof room, &group), printf("%d %d\n", result, group == 0);
    for (count = 0, setgrent(); (group = getgrent());) count += group->gr_gid;
    endgrent(), printf("sum of groups %d\n", count);
    gid_t groups[8];
    int length = 8;
    result = getgrouplist("root", 5, groups, &length), printf("%d %d %d\n", result, length, groups[0]);
    length = 0, result = getgrouplist("root", 5, groups, &length), printf("%d %d\n", result, length);
    printf("%u %u\n", if_nametoindex("lo"), if_nametoindex("absent")), printf("%s\n", if_indextoname(1, room));
    return 0;
}
