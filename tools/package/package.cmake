# SPDX-License-Identifier: MIT
#
# What goes where when Geomys is installed, and the Debian package of it (`tools/dev package`, or cpack in a build folder).
# `cmake --install` leaves the component "system" out: a unit and settings belong to the system's own packages.

# The manual pages are what the installed programs say of themselves, so they are made when these are there.
find_program(geomys_python python3)
install(CODE "
    set(python \"${geomys_python}\")
    set(man \"${PROJECT_BINARY_DIR}/man\")
    set(to \"${CMAKE_INSTALL_MANDIR}\")
    if(python)
        execute_process(COMMAND \"\${python}\" \"${PROJECT_SOURCE_DIR}/tools/package/man.py\"
            --programs \"${PROJECT_BINARY_DIR}\" --modules \"${PROJECT_BINARY_DIR}/modules\" --out \"\${man}\"
            COMMAND_ERROR_IS_FATAL ANY)
        file(GLOB pages \"\${man}/*.[17]\")
        foreach(page IN LISTS pages)
            string(REGEX REPLACE \".*\\\\.\" \"\" section \"\${page}\")
            file(INSTALL \"\${page}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/\${to}/man\${section}\")
        endforeach()
    else()
        message(WARNING \"there is no python3: the manual pages are left out\")
    endif()")

install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/geomys)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/geomys RENAME copyright)

set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES tools/package/geomys.service DESTINATION lib/systemd/system ${system})
install(FILES tools/package/geomys.conf DESTINATION /etc/geomys ${system})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME geomys)
set(CPACK_PACKAGE_CONTACT "The authors of Geomys <geomys@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "in-memory store whose server knows no data type")
set(CPACK_PACKAGE_DESCRIPTION "The server, the modules kv, counter and deque, the client geomys-cli, geomys-log, and the
headers for modules of one's own. Any Redis client can talk to it.")
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # /etc is not below /usr
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL Unspecified system)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME geomys)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "passwd, init-system-helpers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(file postinst prerm postrm conffiles)
    list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/tools/package/${file})
endforeach()
include(CPack)
