/* pipeline.c - the table of pipelines, and compiling them on several threads. */
#include "pipeline.h"

#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "pack.h"

enum { MAX_THREADS = 16, MAX_MODULES = 64 };

/* A shader that pipelines are made of; kept, since many are made of one. */
struct module {
	const char *shader;
	VkShaderModule handle;
};

struct rdna4_pipelines {
	struct zinc_dev *dev;
	pthread_mutex_t lock;
	VkPipelineCache cache;
	struct rdna4_pipeline **list;
	uint32_t n, room;
	uint32_t n_new; /* compiled by this process */
	struct module modules[MAX_MODULES];
	uint32_t n_modules;
};

int rdna4_pipelines_create(struct zinc_dev *dev, struct rdna4_pipelines **out,
                           struct zinc_err *err)
{
	struct rdna4_pipelines *p = rdna4_calloc(dev->host, 1, sizeof(*p));
	int rc;

	if (!p)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the pipelines");
	p->dev = dev;
	pthread_mutex_init(&p->lock, NULL);
	/* What comes from a cache may lack what is to be inspected. */
	rc = dev->inspects ? ZINC_OK : rdna4_cache_load(dev, &p->cache, err);
	if (rc) {
		rdna4_pipelines_destroy(p);
		return rc;
	}
	*out = p;
	return ZINC_OK;
}

void rdna4_pipelines_destroy(struct rdna4_pipelines *p)
{
	struct zinc_dev *dev;

	if (!p)
		return;
	dev = p->dev;
	if (p->n_new && p->cache)
		rdna4_cache_save(dev, p->cache);
	for (uint32_t i = 0; i < p->n; i++) {
		dev->vk.DestroyPipeline(dev->device, p->list[i]->handle, NULL);
		rdna4_free(dev->host, p->list[i]);
	}
	for (uint32_t i = 0; i < p->n_modules; i++)
		dev->vk.DestroyShaderModule(dev->device, p->modules[i].handle, NULL);
	dev->vk.DestroyPipelineCache(dev->device, p->cache, NULL);
	rdna4_free(dev->host, p->list);
	pthread_mutex_destroy(&p->lock);
	rdna4_free(dev->host, p);
}

static struct rdna4_pipeline *find(const struct rdna4_pipelines *p, const char *shader,
                                   const uint32_t *spec, uint32_t n_spec)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct rdna4_pipeline *have = p->list[i];

		if (have->n_spec == n_spec && !strcmp(have->shader, shader) &&
		    !memcmp(have->spec, spec, n_spec * sizeof(*spec)))
			return have;
	}
	return NULL;
}

static struct rdna4_pipeline *add(struct rdna4_pipelines *p)
{
	const struct zinc_host *host = p->dev->host;

	if (p->n == p->room) {
		uint32_t room = p->room ? 2 * p->room : 64;
		struct rdna4_pipeline **bigger = rdna4_calloc(host, room, sizeof(*bigger));

		if (!bigger)
			return NULL;
		if (p->n)
			memcpy(bigger, p->list, p->n * sizeof(*bigger));
		rdna4_free(host, p->list);
		p->list = bigger;
		p->room = room;
	}
	p->list[p->n] = rdna4_calloc(host, 1, sizeof(**p->list));
	return p->list[p->n] ? p->list[p->n++] : NULL;
}

struct rdna4_pipeline *rdna4_pipelines_get(struct rdna4_pipelines *p, const char *shader,
                                           const uint32_t *spec, uint32_t n_spec)
{
	struct rdna4_pipeline *found;

	pthread_mutex_lock(&p->lock);
	found = find(p, shader, spec, n_spec);
	if (!found) {
		found = add(p);
		if (found) {
			found->shader = shader;
			found->n_spec = n_spec;
			memcpy(found->spec, spec, n_spec * sizeof(*spec));
		}
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

void rdna4_pipelines_want(struct rdna4_pipelines *p, struct rdna4_pipeline *pipeline)
{
	pthread_mutex_lock(&p->lock);
	pipeline->wanted = true;
	pthread_mutex_unlock(&p->lock);
}

static VkShaderModule find_module(const struct rdna4_pipelines *p, const char *shader)
{
	for (uint32_t i = 0; i < p->n_modules; i++)
		if (!strcmp(p->modules[i].shader, shader))
			return p->modules[i].handle;
	return VK_NULL_HANDLE;
}

static VkResult need_module(struct rdna4_pipelines *p, const char *shader)
{
	struct zinc_dev *dev = p->dev;
	const struct pack_entry *e = rdna4_pack_find(dev->pack, shader);
	VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
	VkResult r;

	if (find_module(p, shader))
		return VK_SUCCESS;
	if (!e)
		return VK_ERROR_FEATURE_NOT_PRESENT;
	if (p->n_modules == MAX_MODULES)
		return VK_ERROR_TOO_MANY_OBJECTS;
	info.codeSize = e->bytes;
	info.pCode = rdna4_pack_data(dev->pack, e);
	r = dev->vk.CreateShaderModule(dev->device, &info, NULL, &p->modules[p->n_modules].handle);
	if (!r)
		p->modules[p->n_modules++].shader = shader;
	return r;
}

static VkResult compile(struct rdna4_pipelines *p, struct rdna4_pipeline *pipe)
{
	struct zinc_dev *dev = p->dev;
	VkSpecializationMapEntry map[RDNA4_SPEC_MAX];
	VkSpecializationInfo spec = {pipe->n_spec, map, pipe->n_spec * sizeof(uint32_t),
	                             pipe->spec};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
		.requiredSubgroupSize = dev->gpu->subgroup};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .layout = dev->layout,
		.stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		          .stage = VK_SHADER_STAGE_COMPUTE_BIT, .pName = "main",
		          .module = find_module(p, pipe->shader),
		          .pSpecializationInfo = &spec}};

	if (dev->inspects)
		info.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
	for (uint32_t i = 0; i < pipe->n_spec; i++)
		map[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t),
		                                    sizeof(uint32_t)};
	if (dev->gpu->can_set_subgroup && pipe->spec[0] % dev->gpu->subgroup == 0) {
		info.stage.pNext = &size;
		info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
	}
	return dev->vk.CreateComputePipelines(dev->device, p->cache, 1, &info, NULL,
	                                      &pipe->handle);
}

static bool is_missing(const struct rdna4_pipeline *pipe)
{
	return pipe->wanted && !pipe->handle;
}

/* What the compiling threads share. */
struct build {
	struct rdna4_pipelines *p;
	uint32_t n_missing;
	atomic_uint next;
	atomic_int result;      /* the first VkResult that is an error */
	const char *_Atomic culprit;
};

static void *build_some(void *arg)
{
	struct build *b = arg;
	uint32_t i;

	while ((i = atomic_fetch_add(&b->next, 1)) < b->p->n) {
		struct rdna4_pipeline *pipe = b->p->list[i];
		int none = VK_SUCCESS;
		VkResult r;

		if (!is_missing(pipe) || atomic_load(&b->result))
			continue;
		r = compile(b->p, pipe);
		if (r && atomic_compare_exchange_strong(&b->result, &none, (int)r))
			atomic_store(&b->culprit, pipe->shader);
	}
	return NULL;
}

static void run_threads(struct build *b)
{
	pthread_t threads[MAX_THREADS];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t want = b->n_missing, n = 0;

	if (cores > 0 && want > (uint32_t)cores)
		want = (uint32_t)cores;
	for (; n + 1 < want && n < MAX_THREADS; n++)
		if (pthread_create(&threads[n], NULL, build_some, b))
			break;
	build_some(b);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

int rdna4_pipelines_build(struct rdna4_pipelines *p, struct zinc_err *err)
{
	struct build b = {.p = p};
	VkResult r = VK_SUCCESS;

	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; i < p->n && !r; i++) {
		if (!is_missing(p->list[i]))
			continue;
		r = need_module(p, p->list[i]->shader);
		atomic_store(&b.culprit, p->list[i]->shader);
		b.n_missing++;
	}
	if (b.n_missing && !r) {
		run_threads(&b);
		r = (VkResult)atomic_load(&b.result);
		p->n_new += b.n_missing;
	}
	pthread_mutex_unlock(&p->lock);
	return rdna4_vk_err(p->dev, err, r, r ? atomic_load(&b.culprit) : "");
}
