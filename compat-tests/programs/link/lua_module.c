// A module for Lua, whose functions it finds in the program that loads it.
void lua_pushinteger(void *state, long long value);
long long luaL_checkinteger(void *state, int argument);
void lua_createtable(void *state, int array, int record);
void lua_setfield(void *state, int index, const char *name);
void lua_pushcclosure(void *state, int (*function)(void *), int values);
static int twice(void *state) {
    lua_pushinteger(state, 2 * luaL_checkinteger(state, 1));
    return 1;
}
int luaopen_module(void *state) {
    lua_createtable(state, 0, 1);
    lua_pushcclosure(state, twice, 0);
    lua_setfield(state, -2, "twice");
    return 1;
}
