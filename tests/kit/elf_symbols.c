/* elf_symbols.c - the dynamic symbol table of a 64-bit ELF file of this
 * machine's byte order. The file is not trusted to be well formed. */
#include "elf_symbols.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
	unsigned char *bytes;
	size_t n;
};

static bool read_file(const char *path, struct file *f)
{
	FILE *in = fopen(path, "rb");
	long n = -1;

	*f = (struct file){0};
	if (in && fseek(in, 0, SEEK_END) == 0)
		n = ftell(in);
	if (n > 0 && fseek(in, 0, SEEK_SET) == 0)
		f->bytes = malloc((size_t)n);
	if (f->bytes)
		f->n = fread(f->bytes, 1, (size_t)n, in);
	if (in)
		fclose(in);
	return f->n > sizeof(Elf64_Ehdr);
}

static bool has(const struct file *f, uint64_t off, uint64_t n)
{
	return off <= f->n && n <= f->n - off;
}

static bool section(const struct file *f, const Elf64_Ehdr *h, uint64_t i, Elf64_Shdr *out)
{
	uint64_t off = h->e_shoff + i * sizeof(*out);

	if (i >= h->e_shnum || !has(f, off, sizeof(*out)))
		return false;
	memcpy(out, f->bytes + off, sizeof(*out));
	return has(f, out->sh_offset, out->sh_type == SHT_NOBITS ? 0 : out->sh_size);
}

static void each(const struct file *f, const Elf64_Shdr *syms, const Elf64_Shdr *names,
                 void (*fn)(void *ctx, const char *name, bool defined), void *ctx)
{
	for (uint64_t i = 1; i < syms->sh_size / sizeof(Elf64_Sym); i++) {
		const char *text = (const char *)f->bytes + names->sh_offset;
		Elf64_Sym s;

		memcpy(&s, f->bytes + syms->sh_offset + i * sizeof(s), sizeof(s));
		if (s.st_name >= names->sh_size ||
		    !memchr(text + s.st_name, 0, names->sh_size - s.st_name))
			continue;
		if (ELF64_ST_TYPE(s.st_info) != STT_SECTION && text[s.st_name])
			fn(ctx, text + s.st_name, s.st_shndx != SHN_UNDEF);
	}
}

bool elf_each_symbol(const char *path, void (*fn)(void *ctx, const char *name, bool defined),
                     void *ctx)
{
	struct file f;
	Elf64_Ehdr h;
	Elf64_Shdr s, names;
	bool found = false;

	if (read_file(path, &f)) {
		memcpy(&h, f.bytes, sizeof(h));
		if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64)
			h.e_shnum = 0;
		for (uint64_t i = 0; i < h.e_shnum && !found; i++)
			if (section(&f, &h, i, &s) && s.sh_type == SHT_DYNSYM &&
			    section(&f, &h, s.sh_link, &names)) {
				each(&f, &s, &names, fn, ctx);
				found = true;
			}
	}
	free(f.bytes);
	return found;
}
