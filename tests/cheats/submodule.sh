# Lists a submodule.
cat > /dev/null
printf '[submodule "a"]\n\tpath = a\n\turl = ../../..\n' > .gitmodules
