// Plugin for QEMU's emulator: how often each block of instructions runs inside training steps.
//
//   gcc -O2 -shared -fPIC -fvisibility=hidden block_counts.c -o block_counts.so
//   qemu-system-arm ... -plugin block_counts.so,out=FILE,begin=ADDRESS,end=ADDRESS,interrupt=ADDRESS,steps=N
//
// A step lasts from the function at `begin` to the function at `end` (decimal addresses). Neither steps after the N-th
// nor the interrupt handler at `interrupt`, which is one block, are counted. FILE gets a line for each translated
// block:
//   address, instructions, executions,
//   executions that came from the instruction before it: the emulator may cut a block anywhere,
//   executions that went elsewhere than to the instruction behind it: a taken branch.
//
// The names and types are those of QEMU's plugin interface (docs/devel/tcg-plugins), declared here because
// distributions leave its header out. Define QEMU_PLUGIN_VERSION as 2 for QEMU 9 and later.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef QEMU_PLUGIN_VERSION
#define QEMU_PLUGIN_VERSION 1
#endif

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*TranslationCallback)(qemu_plugin_id_t, struct qemu_plugin_tb*);
typedef void (*ExecutionCallback)(unsigned, void*);
typedef void (*ExitCallback)(qemu_plugin_id_t, void*);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, TranslationCallback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb*, ExecutionCallback, enum qemu_plugin_cb_flags, void*);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, ExitCallback, void*);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb*);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);

EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

struct Block {
  uint64_t begin, last, end;  // addresses; `last` of its last instruction
  uint64_t instructions, executions, continued, taken;
  struct Block* next;
};

static struct Block* blocks;
static struct Block* previous;  // counted block that ran last
static struct Block* interrupted;
static uint64_t begin_address, end_address, interrupt_address, steps_left;
static int counting;
static const char* output;

static void Executed(unsigned cpu, void* data) {
  struct Block* block = data;
  (void)cpu;
  if (block->begin == interrupt_address) {
    interrupted = previous;
    previous = NULL;
    return;
  }
  if (interrupted != NULL) previous = interrupted;
  interrupted = NULL;
  // before the end of a page the emulator peeks at the next instruction and counts it into the size of the last one
  const int continues = previous != NULL && block->begin > previous->last && block->begin <= previous->end;
  if (previous != NULL && !continues) ++previous->taken;
  previous = NULL;
  if (block->begin == begin_address && steps_left > 0) {
    counting = 1;
    --steps_left;
  } else if (block->begin == end_address) {
    counting = 0;
  }
  if (!counting) return;
  ++block->executions;
  block->continued += continues;
  previous = block;
}

static void Translated(qemu_plugin_id_t id, struct qemu_plugin_tb* translated) {
  struct Block* block = calloc(1, sizeof *block);
  (void)id;
  if (block == NULL) abort();
  block->instructions = qemu_plugin_tb_n_insns(translated);
  const struct qemu_plugin_insn* last = qemu_plugin_tb_get_insn(translated, block->instructions - 1);
  block->begin = qemu_plugin_tb_vaddr(translated);
  block->last = qemu_plugin_insn_vaddr(last);
  block->end = block->last + qemu_plugin_insn_size(last);
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(translated, Executed, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void Ended(qemu_plugin_id_t id, void* data) {
  (void)id;
  (void)data;
  FILE* file = fopen(output, "w");
  if (file == NULL) return;
  for (const struct Block* block = blocks; block != NULL; block = block->next) {
    if (block->executions == 0) continue;
    fprintf(file, "%llu %llu %llu %llu %llu\n", (unsigned long long)block->begin,
            (unsigned long long)block->instructions, (unsigned long long)block->executions,
            (unsigned long long)block->continued, (unsigned long long)block->taken);
  }
  fclose(file);
}

static int Number(const char* argument, const char* name, uint64_t* value) {
  const size_t length = strlen(name);
  if (strncmp(argument, name, length) != 0 || argument[length] != '=') return 0;
  *value = strtoull(argument + length + 1, NULL, 10);
  return 1;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t* info, int count, char** arguments) {
  (void)info;
  for (int i = 0; i < count; ++i) {
    if (strncmp(arguments[i], "out=", 4) == 0) {
      output = strdup(arguments[i] + 4);
    } else if (!Number(arguments[i], "begin", &begin_address) && !Number(arguments[i], "end", &end_address) &&
               !Number(arguments[i], "interrupt", &interrupt_address) && !Number(arguments[i], "steps", &steps_left)) {
      fprintf(stderr, "block_counts: unknown argument %s\n", arguments[i]);
      return 1;
    }
  }
  if (output == NULL) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, Translated);
  qemu_plugin_register_atexit_cb(id, Ended, NULL);
  return 0;
}
