# Manual pages and shell completions. Those of zinc itself are written by
# zinc-docgen from the tables behind --help; building for another machine, it
# runs under CMAKE_CROSSCOMPILING_EMULATOR.
set(ZINC_ZSH_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING
	"where completions for zsh are installed, below the prefix")
set(commands run chat info plan tokenize perplexity logits plugin quantize bench)
set(docs "${CMAKE_CURRENT_BINARY_DIR}/docs")
file(MAKE_DIRECTORY "${docs}")

set(can_write_docs ON)
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
	set(can_write_docs OFF)
	message(STATUS "Manual pages and completions of zinc are left out; CMAKE_CROSSCOMPILING_EMULATOR would make them")
else()
	add_executable(zinc-docgen docgen/docgen.c docgen/man.c docgen/complete.c)
	target_link_libraries(zinc-docgen PRIVATE zinc_cli zinc_quantize zinc_util zinc_flags)
	target_compile_definitions(zinc-docgen PRIVATE ZINC_VERSION="${PROJECT_VERSION}")
	set_target_properties(zinc-docgen PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
endif()

# zinc_written(FILE WHAT): zinc-docgen writes it.
function(zinc_written file what)
	add_custom_command(OUTPUT "${docs}/${file}"
		COMMAND zinc-docgen "${docs}/${file}" ${what} DEPENDS zinc-docgen VERBATIM)
endfunction()

if(can_write_docs)
	zinc_written(zinc.bash bash)
	zinc_written(_zinc zsh)
	zinc_written(zinc.fish fish)
	set(completions "${docs}/zinc.bash" "${docs}/_zinc" "${docs}/zinc.fish")
	add_custom_target(completions ALL DEPENDS ${completions})
	install(FILES "${docs}/zinc.bash" RENAME zinc
		DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
	install(FILES "${docs}/_zinc" DESTINATION "${ZINC_ZSH_DIR}")
	install(FILES "${docs}/zinc.fish"
		DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endif()

find_program(SCDOC scdoc)
if(NOT SCDOC)
	message(STATUS "Manual pages are left out; the package scdoc would make them")
	return()
endif()

# zinc_page(PAGE SOURCE): scdoc makes it, cmake installs it.
set(pages)
function(zinc_page page source)
	add_custom_command(OUTPUT "${docs}/${page}"
		COMMAND sh -c "'${SCDOC}' <'${source}' >'${docs}/${page}'"
		DEPENDS "${source}" VERBATIM)
	set(pages ${pages} "${docs}/${page}" PARENT_SCOPE)
	string(REGEX MATCH "[0-9]$" section "${page}")
	install(FILES "${docs}/${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endfunction()

foreach(page zinc-plugin-abi.7 zinc-manifest.5 zinc-gguf.5)
	zinc_page(${page} "${CMAKE_CURRENT_SOURCE_DIR}/man/${page}.scd")
endforeach()
if(TARGET zinc-plugin-test)
	zinc_page(zinc-plugin-test.1 "${CMAKE_CURRENT_SOURCE_DIR}/man/zinc-plugin-test.1.scd")
endif()
if(can_write_docs)
	zinc_written(zinc.1.scd zinc)
	zinc_page(zinc.1 "${docs}/zinc.1.scd")
	zinc_written(zinc.ini.5.scd config)
	zinc_page(zinc.ini.5 "${docs}/zinc.ini.5.scd")
	foreach(command IN LISTS commands)
		zinc_written(zinc-${command}.1.scd ${command})
		zinc_page(zinc-${command}.1 "${docs}/zinc-${command}.1.scd")
	endforeach()
endif()
add_custom_target(man ALL DEPENDS ${pages})
